"""Compare configurations of networks and their training over paired seeds.

A complete program, whose numbers are the same on any number of processes:

    from functools import partial

    import tinynet as tn
    from tinynet.study import Configuration, Study

    def network(seed, activation):
        return tn.Sequential(tn.Dense(784, 32), activation(), tn.Dense(32, 10), seed=seed)

    if __name__ == "__main__":  # each worker process imports this file
        data = tn.data.synthetic_fashion(2000, 500)
        grid = (0.1, 0.3, 1.0)  # of learning rates
        sigmoid = Configuration("sigmoid", partial(network, activation=tn.Sigmoid), tn.SGD, grid)
        relu = Configuration("ReLU", partial(network, activation=tn.ReLU), tn.SGD, grid, baseline="sigmoid")
        study = Study({"sigmoid": sigmoid, "relu": relu}, data, seeds=3, epochs=2, batch_size=100, workers=2)
        result = study.run("results/mine")  # the same call continues a study that was stopped
        result.write_report()  # report.html, results.json, results.md, results.csv and pictures
        result.show()

The learning rate of each configuration is chosen on a tenth of the training set; then the test set is measured once
for each seed. Differences from the baseline come with confidence intervals and paired tests. It needs scipy; the
report also needs jinja2 and matplotlib: pip install scipy jinja2 matplotlib.

The files, in the order in which they are used:

configuration.py    one way to build and train a network, as a value; recipes.py: with AdamW and one cycle
study.py            which runs a study has, and what it returns; jobs.py: a run as a job, its result as a file
runs.py, probe.py   train and measure; workers.py, progress.py: many jobs side by side
summary.py          rows, comparisons and curves of finished runs; statistics.py: intervals and tests
tables.py, sentences.py, figures.py, page.py, template.html, report.py   the report
program.py, options.py   the command line of the programs in examples/; verify.py: reproduce a results.json
"""

from tinynet.study.configuration import Configuration
from tinynet.study.recipes import Recipe, Views
from tinynet.study.study import Result, Study

__all__ = ["Configuration", "Recipe", "Result", "Study", "Views"]
