"""The command line `ccp`. Made from the catalogue and the read models; decides nothing by itself."""
