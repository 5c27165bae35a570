"""What a report looks like: sections, figures' style, templates, and the files that are written."""
