#![no_main]

distsys_fuzz::fuzz!("schema");
