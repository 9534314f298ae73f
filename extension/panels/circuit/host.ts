/** The extension's half of the editor of a circuit. */
import { circuitText, type Circuit } from '../../../protocol/circuits/circuit-file';
import * as edit from '../../../protocol/circuits/edit';
import { changeWords, merged } from '../../../protocol/circuits/merge';
import type { ToCircuitPanel } from '../../../protocol/panels/circuit';
import { fromCircuitPanel, type FromCircuitPanel } from '../../../protocol/panels/circuit-schema';
import { type Acts, EditedFileHost, type EditedFileServices } from '../file-host';
import type { DocumentFile } from '../panel-types';

export interface CircuitFileServices extends EditedFileServices<Circuit> {
  runAgain(circuit: Circuit): Promise<void>;
  /** Lets the person choose a run of the same analysis; undefined when they cancel. */
  chooseRun(circuit: Circuit): Promise<Circuit | undefined>;
  say(sentence: string): void;
}

export class CircuitFileHost extends EditedFileHost<Circuit, ToCircuitPanel> {
  protected override readonly messages = fromCircuitPanel;
  protected override readonly what = 'circuit';
  protected override readonly text = circuitText;

  constructor(
    file: DocumentFile<Circuit>,
    private readonly services: CircuitFileServices,
    send: (message: ToCircuitPanel) => void,
  ) {
    super(file, services, send);
  }

  protected override edited(opened: ToCircuitPanel): ToCircuitPanel {
    return opened;
  }

  protected override acts(): Acts<FromCircuitPanel> {
    return {
      ...super.acts(),
      move: ({ places }) => this.edit((circuit) => edit.moved(circuit, places)),
      unplace: ({ ids }) => this.edit((circuit) => edit.unplaced(circuit, ids)),
      rename: ({ id, name }) => this.edit((circuit) => edit.renamed(circuit, id, name)),
      note: ({ id, note }) => this.edit((circuit) => edit.noted(circuit, id, note)),
      pin: ({ ids, pinned }) => this.edit((circuit) => edit.pinned(circuit, ids, pinned)),
      group: ({ ids }) => this.edit((circuit) => edit.grouped(circuit, ids)),
      ungroup: ({ ids }) => this.edit((circuit) => edit.ungrouped(circuit, ids)),
      open: ({ id, open }) => this.edit((circuit) => edit.opened(circuit, id, open)),
      settle: () => this.edit(edit.settled),
      runAgain: () => this.services.runAgain(this.saved()),
      update: () => this.update(),
    };
  }

  private async update(): Promise<void> {
    const run = await this.services.chooseRun(this.saved());
    if (run === undefined) return;
    const updated = merged(this.saved(), run);
    if (!updated.ok) throw new Error(updated.why);
    await this.file.write(circuitText(updated.result));
    this.services.say(`The circuit holds the run of ${run.origin.created} now: ${changeWords(updated.result)}.`);
  }
}
