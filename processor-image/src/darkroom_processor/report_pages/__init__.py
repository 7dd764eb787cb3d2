"""Tasks of type Report: a PDF of many pictures with their captions and facts."""
