/** What onnxruntime-node 1.30.0 has binaries for. Intel Macs and Alpine are not among them. */
export const targets = {
  'linux-x64': ['linux/x64/**'],
  'linux-arm64': ['linux/arm64/**'],
  // The library is in the package twice; the binding loads the name without the full version (seen 2026-11-24).
  'darwin-arm64': ['darwin/arm64/libonnxruntime.1.dylib', 'darwin/arm64/onnxruntime_binding.node'],
  'win32-x64': ['win32/x64/**'],
  'win32-arm64': ['win32/arm64/**'],
};

/** The target of this machine, whether or not there are binaries for it. */
export const ownTarget = `${process.platform}-${process.arch}`;

/** Where a target's binaries lie, below the repository. */
export const binariesOf = (target) =>
  targets[target].map((path) => `node_modules/onnxruntime-node/bin/napi-v6/${path}`);
