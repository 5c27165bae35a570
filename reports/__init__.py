"""From tracked runs to a findings report. Never imports torch."""

import signal

if __name__ == "reports" and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a command: python -m reports.NAME
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # while its libraries are imported, Ctrl-C ends it without a word
