// Islands of the server-rendered pages: each makes something easier that also works without it.
import "../styles/site.scss";
