"""The sections of the page, one a file: from a report to a filled template, or None where there is nothing to show."""
