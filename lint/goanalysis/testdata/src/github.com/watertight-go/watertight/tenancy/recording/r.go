package recording
