"""vidpred engine: settings, store, data, model, training and evaluation; free of any user interface."""

__version__ = "0.1.0"
