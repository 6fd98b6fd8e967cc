// Islands of the server-rendered pages: each makes something easier that also works without it.
import "../styles/site.scss";
import { confirmHere } from "./confirm";
import { copyLinks } from "./copy";
import { revealPasswords } from "./reveal";

revealPasswords(document);
copyLinks(document);
confirmHere(document);
