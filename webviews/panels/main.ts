/** One script for every panel, most of which they share; the page says which panel it shows. */
import { circuit } from './circuit/main';
import { kernels } from './kernels/main';
import { model } from './model/main';
import { module } from './module/main';
import { plan } from './plan/main';
import { sweep } from './sweep/main';
import { workbench } from './workbench/main';

const panels: Readonly<Record<string, () => void>> = { circuit, kernels, model, module, plan, sweep, workbench };

const panel = document.getElementById('root')?.dataset['panel'] ?? '';
const start = panels[panel];
if (!start) throw new Error(`There is no panel "${panel}".`);
start();
