"""From tracked runs to a findings report. Never imports torch."""
