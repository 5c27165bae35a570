"""From tracked runs to numbers, and from numbers to findings. Never imports torch."""
