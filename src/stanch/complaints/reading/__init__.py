"""A complaint's words -> what happened: when, by whom, which story, what was asked, what was lost."""
