/** The extension's half of the editor of a circuit: every change goes into the text of the file, which the page then draws. */
import { circuitText, type Circuit } from '../../../protocol/circuits/circuit-file';
import * as edit from '../../../protocol/circuits/edit';
import { changeWords, merged } from '../../../protocol/circuits/merge';
import type { ToCircuitPanel } from '../../../protocol/panels/circuit';
import { fromCircuitPanel, type FromCircuitPanel } from '../../../protocol/panels/circuit-schema';
import { unreachable } from '../../../protocol/unreachable';
import { defined } from '../../platform/defined';
import type { ComparedOf } from '../../results/result-kinds';
import { FileHost, type FileHostServices } from '../file-host';
import type { DocumentFile, ExportRequest } from '../panel-types';

type Other = ComparedOf<'circuit'>;

export interface CircuitFileServices extends FileHostServices {
  /** True, or why no model runs here. */
  mayRun(): true | string;
  /** One step back or forth in the file. */
  undo(): Promise<void>;
  redo(): Promise<void>;
  openText(uri: string): Promise<void>;
  runAgain(circuit: Circuit): Promise<void>;
  /** Lets the person choose a run of the same analysis; undefined when they cancel. */
  chooseRun(circuit: Circuit): Promise<Circuit | undefined>;
  say(sentence: string): void;
  /** Lets the person choose a circuit to compare with; undefined when they cancel. */
  chooseOther(uri: string): Promise<Other | undefined>;
  export(request: ExportRequest): Promise<void>;
  copy(text: string): Promise<void>;
}

export class CircuitFileHost extends FileHost<ToCircuitPanel, FromCircuitPanel, Other> {
  constructor(
    private readonly file: DocumentFile<Circuit>,
    private readonly services: CircuitFileServices,
    send: (message: ToCircuitPanel) => void,
  ) {
    super(fromCircuitPanel, services, send);
  }

  protected async act(message: FromCircuitPanel): Promise<void> {
    const { services } = this;
    const { uri } = this.file;
    switch (message.kind) {
      case 'ready':
        this.mail.renew();
        return this.open();
      case 'move':
        return this.edit((circuit) => edit.moved(circuit, message.places));
      case 'unplace':
        return this.edit((circuit) => edit.unplaced(circuit, message.ids));
      case 'rename':
        return this.edit((circuit) => edit.renamed(circuit, message.id, message.name));
      case 'note':
        return this.edit((circuit) => edit.noted(circuit, message.id, message.note));
      case 'pin':
        return this.edit((circuit) => edit.pinned(circuit, message.ids, message.pinned));
      case 'group':
        return this.edit((circuit) => edit.grouped(circuit, message.ids));
      case 'ungroup':
        return this.edit((circuit) => edit.ungrouped(circuit, message.ids));
      case 'open':
        return this.edit((circuit) => edit.opened(circuit, message.id, message.open));
      case 'retitle':
        return this.edit((circuit) => edit.retitled(circuit, message.title));
      case 'settle':
        return this.edit(edit.settled);
      case 'undo':
        return services.undo();
      case 'redo':
        return services.redo();
      case 'openText':
        return services.openText(uri);
      case 'runAgain':
        return services.runAgain(this.circuit());
      case 'update':
        return this.update();
      case 'compare': {
        const other = await services.chooseOther(uri);
        return other === undefined ? undefined : this.compareWith(other);
      }
      case 'stopComparing':
        this.other = undefined;
        return this.open();
      case 'export':
        return services.export(message);
      case 'copy':
        return services.copy(message.text);
      default:
        return unreachable(message);
    }
  }

  /** Fails with the sentence that the page shows, too. */
  private circuit(): Circuit {
    const file = this.file.read();
    if (file.ok) return file.result;
    throw new Error(`${this.file.name} cannot be read as a circuit. ${file.why}`);
  }

  private async edit(change: (circuit: Circuit) => Circuit): Promise<void> {
    const before = this.circuit();
    const after = change(before);
    if (after !== before) await this.file.write(circuitText(after));
    // Where nothing changed the page still shows what it asked for.
    else this.open();
  }

  private async update(): Promise<void> {
    const run = await this.services.chooseRun(this.circuit());
    if (run === undefined) return;
    const updated = merged(this.circuit(), run);
    if (!updated.ok) throw new Error(updated.why);
    await this.file.write(circuitText(updated.result));
    this.services.say(`The circuit holds the run of ${run.origin.created} now: ${changeWords(updated.result)}.`);
  }

  protected open(): void {
    const { name } = this.file;
    const file = this.file.read();
    const common = { kind: 'open' as const, name, canRun: this.services.mayRun() };
    this.mail.open([
      file.ok
        ? { ...common, circuit: file.result, ...defined({ compareWith: this.other }) }
        : { ...common, problem: `${name} cannot be shown. ${file.why}` },
    ]);
  }
}
