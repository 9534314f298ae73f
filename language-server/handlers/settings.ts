import { severityLevels } from '../../protocol/inputs/headscope-file';
import type { SeveritySetting } from '../service/finding';
import type { CheckSettings } from '../service/check';
import type { Repository } from '../workspace/repositories';

/** By what one file is checked. */
export interface FileSettings {
  readonly checks: CheckSettings;
  readonly repository: Repository | undefined;
}

export interface ServerSettings {
  readonly checks: CheckSettings;
  readonly inlayHints: boolean;
  readonly codeLens: boolean;
}

export const defaultServerSettings: ServerSettings = { checks: { severity: {} }, inlayHints: true, codeLens: true };

const at = (value: unknown, ...keys: readonly string[]): unknown =>
  keys.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined),
    value,
  );

/** The section `headscope` as an editor sends it. Takes any value; what is wrong counts as absent. */
export const readSettings = (section: unknown): ServerSettings => {
  const chosen: Record<string, SeveritySetting> = {};
  const severity = at(section, 'diagnostics', 'severity');
  if (typeof severity === 'object' && severity !== null) {
    for (const [code, level] of Object.entries(severity)) {
      const known = severityLevels.find((name) => name === level);
      if (known !== undefined) chosen[code] = known;
    }
  }
  const memory = at(section, 'diagnostics', 'deviceMemoryGB');
  return {
    checks: {
      severity: chosen,
      ...(typeof memory === 'number' && memory > 0 ? { deviceMemory: memory * 2 ** 30 } : {}),
    },
    inlayHints: at(section, 'inlayHints', 'enabled') !== false,
    codeLens: at(section, 'codeLens', 'enabled') !== false,
  };
};
