/** Where the next runs of a panel that runs a model take place. */
import { html, type TemplateResult } from 'lit';
import { deviceField } from './device-field';
import type { ModelState } from './run-state';

interface DevicePart {
  readonly state: Pick<ModelState, 'devices'> & { readonly form: { readonly device: string } | undefined };
  readonly actions: { chooseDevice(id: string): void; testDevices(): void };
}

export const deviceOf = ({ state: { form, devices }, actions }: DevicePart): TemplateResult =>
  html`<h2
      class="device"
      title="Where the next runs of this panel take place; the default is headscope.compute.device."
    >
      Device
    </h2>
    ${deviceField({
      ...devices,
      chosen: form?.device || devices.setting,
      onChoose: (id) => actions.chooseDevice(id),
      onTest: () => actions.testDevices(),
    })}`;
