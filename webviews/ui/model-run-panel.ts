/** A panel that runs a model: where it runs, beside what every panel does that runs something. */
import type { FromModelRunPanel } from '../../protocol/panels/messages';
import { announce } from './announce';
import type { Kept } from './kept-form';
import { RunPanel } from './run-panel';
import { forgiven, type ModelState, type RunState } from './run-state';

interface PlacedForm {
  readonly folder: string;
  /** Folder of the adapter, for a panel that uses adapters; empty: none. */
  readonly adapter?: string;
  /** Empty: the device of the setting. */
  readonly device: string;
}

export abstract class ModelRunPanel<
  S extends RunState<PlacedForm> & Pick<ModelState, 'model' | 'devices'>,
  To extends { readonly kind: string },
  From,
  Plan,
  K extends Kept<S['form'], S['view']>,
> extends RunPanel<S, To, From, Plan, K> {
  /** The device that the form means. */
  protected get device(): string {
    const { form, devices } = this.state;
    return form === undefined || form.device === '' ? devices.setting : form.device;
  }

  /**
   * Chooses the device of the next runs. The model is opened there at once, so that its notes, and why it cannot run there, are
   * known before a run.
   */
  chooseDevice(id: string): void {
    const { form, devices, phase } = this.state;
    if (!form) return;
    const device = id === devices.setting ? '' : id;
    this.edit({ device } as Partial<NonNullable<S['form']>>);
    if (form.folder !== '') this.host.post(chosenModel(form, id));
    this.change({ ...this.state, model: undefined, phase: forgiven(phase) });
    announce(`The next runs take place on ${id}`);
  }

  testDevices(): void {
    this.touched = true;
    this.host.post({ kind: 'refreshDevices' } satisfies FromModelRunPanel<never>);
    this.change({ ...this.state, devices: { ...this.state.devices, asked: true } });
    announce('Testing the devices');
  }
}

type Chosen = Extract<FromModelRunPanel<never>, { readonly kind: 'chooseModel' }>;

/** The model of a form is asked for. */
export const chosenModel = ({ folder, adapter = '' }: Omit<PlacedForm, 'device'>, device: string): Chosen => ({
  kind: 'chooseModel',
  folder,
  device,
  ...(adapter === '' ? {} : { adapter }),
});
