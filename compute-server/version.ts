/** Set by the bundler from package.json; unbundled source has none. */
export const headscopeVersion = process.env['HEADSCOPE_VERSION'] ?? 'development';
