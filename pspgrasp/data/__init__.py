"""Where depth images come from: the project's own scenes and the field's data sets."""
