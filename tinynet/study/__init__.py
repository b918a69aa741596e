"""The parts of examples/fashion_mnist.py, in the order in which they are used.

arms.py        an arm: one way to build and train the network, as a value
plan.py        which runs the study is made of
insight.py     what is looked at while a network trains
runs.py        one run, as a job whose result is a file named after its content
pool.py        jobs side by side, continued where they were broken off
statistics.py  intervals, paired tests, McNemar's test
tables.py      what the runs amount to
words.py       sentences that follow from the numbers
pictures.py, page.py, template.html, report.py   what a reader sees
verify.py      the same runs again: do the numbers agree?
"""
