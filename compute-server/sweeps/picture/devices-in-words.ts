/** Where the cells of a sweep run, for its panel: the file decides, not a setting of the editor. */
import type { SweepFile, SweepValue } from '../../../protocol/sweeps/sweep-file';
import type { ShellSettings } from '../cell-key';

/** A sentence. `shell`: of the last submission. */
export function devicesInWords({ settings = {}, matrix, cells }: SweepFile, shell: ShellSettings): string {
  const shared = settings['device'];
  const inMatrix = matrix !== undefined || cells === undefined ? (matrix?.['device'] ?? [shared]) : [];
  const all = [...inMatrix, ...(cells ?? []).map((cell) => cell['device'] ?? shared)];
  const named = [...new Set(all.flatMap((device) => (device === undefined ? [] : [inText(device)])))];
  const usual = shell.HEADSCOPE_DEVICE ?? 'cpu';
  const why =
    shell.HEADSCOPE_DEVICE === undefined ? '' : ', as HEADSCOPE_DEVICE was set in the shell that submitted them';
  if (named.length === 0)
    return why === '' ? `Cells run on ${usual}: the file names no device.` : `Cells run on ${usual}${why}.`;
  const says = `Cells run on ${named.join(' or ')}, as the file says`;
  return all.includes(undefined) ? `${says}; those without a device run on ${usual}${why}.` : `${says}.`;
}

const inText = (device: SweepValue): string => (typeof device === 'object' ? device.join(',') : String(device));
