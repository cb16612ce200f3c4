"""The statistics beside scipy, statsmodels and other engines: answers and speed."""
