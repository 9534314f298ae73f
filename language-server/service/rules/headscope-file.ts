import { readHeadscopeSettings } from '../headscope-settings';
import { renameKey, replaceValue } from '../places';
import type { Rule } from './rule';

export const headscopeFileWrong: Rule = {
  code: 'headscope-file',
  title: '.headscope.json names what does not exist, or has a value of the wrong kind',
  severity: 'error',
  kinds: ['headscope'],
  check({ document, facts, codes }, report) {
    // The editor and the rule json-invalid report a text that is no JSON.
    if (document.root === undefined) return;
    const { settings, faults } = readHeadscopeSettings(document.value, codes);
    for (const { path, ofKey, message, meant } of faults) {
      const fixes =
        meant === undefined
          ? []
          : [
              {
                title: `Change to "${meant}"`,
                changes: ofKey ? renameKey(document, path, meant) : replaceValue(document, path, JSON.stringify(meant)),
                preferred: true,
              },
            ];
      report(ofKey ? { keyOf: path } : path, message, { fixes });
    }
    const { baseline } = settings;
    if (baseline !== undefined && !/[/\\]/.test(baseline) && facts.files.size > 0 && !facts.files.has(baseline)) {
      report(['baseline'], `There is no file of this name here. Write it with headscope check --write-baseline.`, {
        severity: 'warning',
      });
    }
  },
};
