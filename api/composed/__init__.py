"""Synchronous steps that span domains or stores: one file each."""
