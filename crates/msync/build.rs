//! With the feature `schema`: prost types from `msync.proto`, without protoc. Otherwise nothing.

#[cfg(not(feature = "schema"))]
fn main() {}

#[cfg(feature = "schema")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=msync.proto");
    let descriptors = protox::compile(["msync.proto"], ["."])?;
    prost_build::Config::new().compile_fds(descriptors)?;
    Ok(())
}
