/** The environment of the programs that make up the host, free of what a surrounding editor or npm left in it. */
import { delimiter, join } from 'node:path';
import { paths } from './versions';

/** Each of these changes what npm builds or what the server does: seen with code-server 4.139.1. */
const inherited = /^(VSCODE_|CODE_SERVER_|npm_|NODE_OPTIONS$|PORT$|ELECTRON_)/i;

export function cleanEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !inherited.test(name));
  const environment: NodeJS.ProcessEnv = { ...Object.fromEntries(kept), ...extra };
  environment['PATH'] = [join(paths.nodeRoot, 'bin'), process.env['PATH'] ?? ''].join(delimiter);
  return environment;
}
