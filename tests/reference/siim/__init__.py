"""The winners' ensembles in plain NumPy, SciPy and OpenCV: from their networks' outputs to the masks."""
