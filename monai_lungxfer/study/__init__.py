"""Repeated trainings in several arms: plan, execution, analysis and report."""
