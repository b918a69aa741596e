"""The tests. Folders mirror `tinynet/`; `contracts/` holds tables over all layers, `support/` what tests share."""
