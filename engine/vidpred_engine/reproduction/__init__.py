"""The report's own experiments, trained one after the other into one folder with their figures and table."""
