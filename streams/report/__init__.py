"""One HTML file of a run, for people: what was found, why, and what the data looked like."""
