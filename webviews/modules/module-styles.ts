import { css } from 'lit';

export const moduleStyles = css`
  .modules {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 24px;
  }
  /* As many parts beside each other as there is room for; the sizes, of which some modules have many, in rows below. */
  .module-form {
    display: grid;
    gap: 8px 24px;
    grid-template-columns: repeat(auto-fit, minmax(min(100%, 220px), 1fr));
    align-items: start;
    min-width: 0;
  }
  .module-chooser,
  .module-sizes,
  .module-run,
  .module-form > .problem {
    grid-column: 1 / -1;
  }
  .module-chooser > vscode-dropdown {
    max-width: 480px;
  }
  .module-form > section {
    min-width: 0;
  }
  .module-form h3 {
    margin: 8px 0 4px;
  }
  .module-form p {
    margin: 4px 0 0;
    overflow-wrap: anywhere;
  }
  .module-parameters {
    display: grid;
    gap: 8px 16px;
    grid-template-columns: repeat(auto-fill, minmax(min(100%, 150px), 1fr));
    align-items: start;
  }
  .module-run {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    align-items: center;
    margin-top: 8px;
  }
`;
