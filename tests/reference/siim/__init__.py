"""The winners' ensembles in plain NumPy, SciPy and OpenCV: from what their networks answer to the masks."""
