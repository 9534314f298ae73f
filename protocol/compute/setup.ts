/** What a device needs that Headscope does not bring along, and what of it is missing here. */
import type { DeviceInfo } from './device-info';

export const setupDevices = ['cuda', 'dml', 'coreml'] as const;
export type SetupDevice = (typeof setupDevices)[number];

export interface SetupPart {
  readonly title: string;
  readonly libraries: readonly string[];
  /** Those that were not found. */
  readonly missing: readonly string[];
  /** What to do about them. */
  readonly next: string;
}

export interface SetupReport {
  /** As its self-test found it. */
  readonly found: DeviceInfo;
  /** One sentence: where it exists, and what has to be there. */
  readonly needs: string;
  /** None: nothing of it can be looked for here. */
  readonly parts: readonly SetupPart[];
  /** The folder of the native libraries of onnxruntime. */
  readonly runtime: string;
}

/** `The device "cuda" works here.`, or why not. */
export const setupVerdict = ({ found: { id, available, reason = '' } }: SetupReport): string =>
  available ? `The device "${id}" works here.` : `The device "${id}" does not work here: ${reason}`;
