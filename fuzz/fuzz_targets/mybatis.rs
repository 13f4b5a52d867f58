#![no_main]

distsys_fuzz::fuzz!("mybatis");
