"""Experiment-tracked hyperparameter studies of image classifiers."""

import signal

if __name__ == "study" and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a command: python -m study.NAME
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # while its libraries are imported, Ctrl-C ends it without a word
