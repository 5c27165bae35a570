"""Pictures: where data sets come from, how they are read, and how they are split."""
