"""The one kind of error that a user can cause."""


class InputError(ValueError):
    """Something given by the user cannot be used: says what, where, and what to do, in one
    sentence.

    The entry points print the sentence alone and exit with code 1; every other exception keeps its
    traceback.
    """
