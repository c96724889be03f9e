"""Models: what a decision's score is made of beside rules. See README.md in this folder."""
