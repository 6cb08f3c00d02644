"""Bytes -> pixels: pictures from outside, and the samples that come along."""
