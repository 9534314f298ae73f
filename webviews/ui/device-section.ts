/** Where the next runs of a panel that runs a model take place. */
import { html, type TemplateResult } from 'lit';
import { deviceField } from './device-field';
import { modelOfForm, type ModelState } from './run-state';

interface ModelForm {
  readonly folder: string;
  readonly adapter?: string;
  readonly device: string;
}

interface DevicePart {
  readonly state: Pick<ModelState, 'devices' | 'model'> & { readonly form: ModelForm | undefined };
  readonly actions: { chooseDevice(id: string): void; testDevices(): void };
}

export function deviceOf({ state, actions }: DevicePart): TemplateResult {
  const { form, devices } = state;
  const chosen = form?.device || devices.setting;
  const opened = modelOfForm(state)?.device;
  const parts = opened && (opened.asked ?? opened.id) === chosen ? opened.parts : undefined;
  return html`<h2
      class="device"
      title="Where the next runs of this panel take place; the default is headscope.compute.device."
    >
      Device
    </h2>
    ${deviceField({
      ...devices,
      chosen,
      shared: { parts },
      onChoose: (id) => actions.chooseDevice(id),
      onTest: () => actions.testDevices(),
    })}`;
}
