"""What all tests of recordings share: the helpers that lie beside this file can be imported."""
