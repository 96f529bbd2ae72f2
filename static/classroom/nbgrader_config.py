"""What nbgrader needs to know of the lessons."""

c = get_config()  # noqa: F821 (nbgrader gives it to this file)

c.CourseDirectory.course_id = "channels"

# The stubs are in the notebooks already. Without this, nbgrader puts its own in their place.
c.ClearSolutions.enabled = False
