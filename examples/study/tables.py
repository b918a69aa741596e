def study_of(*a): return {}
