"""A study: many repetitions of the stages, in several arms, with fresh splits, and what they come to."""
