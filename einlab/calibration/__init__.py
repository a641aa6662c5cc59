"""Measuring a device: programs of known shape are run, and the step model is fitted to their times.

`probes` says what is run, `timing` runs it, `fitting` finds the constants, `calibrating` does all
three and stores what was found.
"""
