/** A process and all that it started: known by its number, by the marker in their environment, or by both. */
export interface Family {
  readonly root?: number | undefined;
  readonly marker?: string;
}

export function marked(environment?: NodeJS.ProcessEnv): {
  readonly marker: string;
  readonly environment: NodeJS.ProcessEnv;
};
export function familyOf(family: Family): number[];
export function killFamily(family: Family): void;
export function endFamily(family: Family): Promise<void>;
export function leftBehind(family: Family, seconds: number): Promise<number[]>;
export function called(pid: number): string;
