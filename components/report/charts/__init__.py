"""Charts as inline SVG, each with its words for people who do not see it; colours come from the page's style."""
