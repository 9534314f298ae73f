/** How `headscope mcp` is started from the editor. It is tested without VS Code. */
import { statSync } from 'node:fs';
import { launchOptions, type ComputeLaunch } from '../platform/compute-process';

export interface AgentLaunch {
  readonly command: string;
  readonly args: readonly string[];
  /** What differs from the environment of the editor; null: it is left out. */
  readonly env: Readonly<Record<string, string | null>>;
}

export interface AgentPlaces {
  /** Folders that files may lie in; those that are not there are passed over. */
  readonly roots: readonly string[];
  readonly trusted: boolean;
}

/** `launch.module`: the script of the command line. */
export function agentLaunch(
  launch: ComputeLaunch,
  { roots, trusted }: AgentPlaces,
  environment: NodeJS.ProcessEnv = process.env,
): AgentLaunch {
  const { execPath = process.execPath, env = {} } = launchOptions(launch, environment);
  const names = new Set([...Object.keys(environment), ...Object.keys(env)]);
  const changes = [...names].flatMap((name): readonly (readonly [string, string | null])[] => {
    const value = env[name] ?? null;
    return value === (environment[name] ?? null) ? [] : [[name, value]];
  });
  return {
    command: execPath,
    args: [
      launch.module,
      'mcp',
      ...(trusted ? [] : ['--inspect-only']),
      ...roots.filter(isFolder).map((folder) => `--root=${folder}`),
    ],
    env: Object.fromEntries(changes),
  };
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
