/** Where the next runs of a panel take place: the devices of this machine as last tested, and why the others are not here. */
import { html, nothing, type TemplateResult } from 'lit';
import type { DeviceInfo } from '../../protocol/compute/api';
import { devicesIn, namesSeveral, readDeviceChoice } from '../../protocol/inputs/devices';
import type { WeightChoice } from '../../protocol/inputs/weights';
import { partWords } from '../../protocol/results/device-words';
import type { DevicePart } from '../../protocol/schema/parts';
import { button, dropdown, type Choice } from './controls';
import { icon } from './icons';
import { plural, significant } from './numbers';

export interface Devices {
  /** As last tested; none: not tested yet. */
  readonly found: readonly DeviceInfo[];
  /** The device of the setting. */
  readonly setting: string;
  /** How weights are held, by the setting. */
  readonly weights: WeightChoice;
  /** They are being tested. */
  readonly asked: boolean;
}

export interface DeviceFieldOptions extends Pick<Devices, 'found' | 'asked'> {
  /** Absent: of a panel whose plan always names a device. */
  readonly setting?: string;
  /** Whether several devices may share what runs: a model. `parts`: what each of them holds of the model that is open. */
  readonly shared?: { readonly parts?: readonly DevicePart[] | undefined };
  readonly chosen: string;
  readonly onChoose: (id: string) => void;
  readonly onTest: () => void;
}

export function deviceField(options: DeviceFieldOptions): TemplateResult {
  const { found, chosen, asked, shared, onChoose, onTest } = options;
  const device = found.find(({ id }) => id === chosen);
  // Why the chosen one does not work is said above.
  const missing = found.filter(({ id, available }) => !available && id !== chosen);
  return html`<div class="with-button">
      ${dropdown({ label: 'Device', choices: deviceChoices(options), value: chosen, onChange: onChoose })}
      ${button({
        label: found.length === 0 ? 'Test the devices' : 'Test the devices again',
        icon: 'refresh',
        appearance: 'icon',
        id: 'test-devices',
        disabled: asked,
        onClick: onTest,
      })}
    </div>
    ${shared && namesSeveral(chosen) ? sharing(chosen, asked, shared.parts) : standing(device, chosen, asked, found.length > 0)}
    ${
      missing.length === 0
        ? nothing
        : html`<details class="reason devices-missing">
            <summary>
              ${missing.length === 1 ? '1 device is' : `${plural(missing.length, 'device')} are`} not here
            </summary>
            <dl>
              ${missing.map(
                ({ id, reason }) =>
                  html`<dt>${id}</dt>
                    <dd>${reason ?? 'It does not work on this machine.'}</dd>`,
              )}
            </dl>
          </details>`
    }`;
}

/** The cpu first; one that does not work stays in the list, and is not chosen from it. */
function deviceChoices({
  found,
  setting,
  chosen,
  shared,
}: Pick<DeviceFieldOptions, 'found' | 'setting' | 'chosen' | 'shared'>): readonly Choice[] {
  const several = shared && found.filter(({ available }) => available).length > 1 ? ['auto'] : [];
  const ids = ['cpu', ...found.map(({ id }) => id), ...several, ...(setting === undefined ? [] : [setting]), chosen];
  return [...new Set(ids)].map((id) => {
    if (id === 'auto') {
      const hint = 'The layers of the model are shared out over the devices by their memory.';
      return { value: id, label: `auto${id === setting ? ' (setting)' : ''}: layers by memory`, hint };
    }
    const device = found.find((one) => one.id === id);
    const of = device === undefined ? '' : device.available ? `: ${device.name}` : ': not here';
    return {
      value: id,
      label: `${id}${id === setting ? ' (setting)' : ''}${of}`,
      disabled: device?.available === false && id !== chosen,
      ...(device?.reason === undefined ? {} : { hint: device.reason }),
    };
  });
}

function sharing(chosen: string, asked: boolean, parts: readonly DevicePart[] = []): TemplateResult {
  if (asked) return html`<div class="reason" role="status">Testing the devices…</div>`;
  const read = readDeviceChoice(chosen);
  if (!read.ok) return html`<div class="problem" role="alert">${read.why}</div>`;
  return parts.length === 0
    ? html`<div class="reason">The layers are shared out over the devices by their memory.</div>`
    : html`<div class="reason" id="device-parts">${parts.map((part) => html`<div>${partWords(part)}</div>`)}</div>`;
}

function standing(device: DeviceInfo | undefined, chosen: string, asked: boolean, tested: boolean): TemplateResult {
  if (asked) return html`<div class="reason" role="status">Testing the devices…</div>`;
  if (device?.available === false)
    return html`<div class="problem" role="alert">${device.reason ?? 'It is not available here.'}</div>`;
  if (!device?.selfTest)
    return tested
      ? html`<div class="problem" role="alert">There is no device “${chosen}”: choose another one.</div>`
      : html`<div class="reason">Not tested yet: test the devices to choose among them.</div>`;
  const operators = Object.entries(device.selfTest.operators);
  const failed = operators.filter(([, { ok }]) => !ok);
  if (failed.length === 0) {
    return html`<div class="reason">
      ${icon('pass')} ${operators.length} operators agree with float64, largest error
      ${significant(device.selfTest.maxError, 2)}
    </div>`;
  }
  return html`<div
    class="reason warning"
    title=${failed.map(([name, { reason }]) => `${name}: ${reason ?? 'wrong values'}`).join('\n')}
  >
    ${icon('warning')} ${failed.length} of ${operators.length} operators fail here:
    ${failed.map(([name]) => name).join(', ')}
  </div>`;
}

/** A plan on the device where it runs: that of the setting, where it names none. */
export const placed = <P extends { readonly device?: string }>(plan: P, { setting }: Pick<Devices, 'setting'>): P => ({
  ...plan,
  device: plan.device ?? setting,
});

/** Why nothing runs on the device of the form, as far as it was tested; undefined: it works, or nobody knows. */
export function whyNotOnDevice({ form, devices }: Pick<OnDevice, 'form' | 'devices'>): string | undefined {
  const ids = devicesIn(form?.device || devices.setting);
  const missing = devices.found.find(({ id, available }) => !available && ids.includes(id));
  return missing && `${missing.id} cannot be used here: ${missing.reason ?? ''} Choose another device.`;
}

interface OnDevice {
  readonly form: { readonly device: string } | undefined;
  readonly shownSetup: { readonly device?: string } | undefined;
  readonly devices: Devices;
}

/** What is said of a result that is of another device than the form, where nothing else has changed. */
export function deviceWords<S extends OnDevice>(state: S, isStale: (state: S) => boolean): string | undefined {
  const { form, shownSetup, devices } = state;
  const made = shownSetup?.device;
  const wanted = form?.device || devices.setting;
  if (form === undefined || made === undefined || made === wanted) return undefined;
  if (isStale({ ...state, form: { ...form, device: made } })) return undefined;
  return `This was computed on ${made}: Run computes it on ${wanted}.`;
}

/** As a form holds it: empty for the device of the setting, which may change. */
export const deviceOfSetup = ({ device = '' }: { readonly device?: string }): string => device;
export const setupOfDevice = (device: string): { readonly device?: string } => (device === '' ? {} : { device });
